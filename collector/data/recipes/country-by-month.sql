-- Share of one country month by month, under both attributions.
-- Parameters: hub, country, scope
SELECT "window", attribution, share, share_of_attributed, share_max, downloads, models, status
FROM country_share_month
WHERE hub = :hub AND country = :country AND scope = :scope
ORDER BY attribution, "window"
