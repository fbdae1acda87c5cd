-- The largest uploaders of a month: the first rows of publisher_share.csv.
-- Parameters: hub, month, scope
SELECT publisher, organisation, country, kind, downloads, share, models
FROM publisher_share_month
WHERE hub = :hub AND "window" = :month AND scope = :scope
ORDER BY share DESC, publisher
LIMIT 50
