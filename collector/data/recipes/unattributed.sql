-- The largest uploaders of a month whose origin nobody has reviewed or found: what ZZ is made of.
-- Parameters: hub, month, scope
SELECT publisher, organisation, kind, downloads, share, models
FROM publisher_share_month
WHERE hub = :hub AND "window" = :month AND scope = :scope AND country = 'ZZ'
ORDER BY share DESC, publisher
LIMIT 50
