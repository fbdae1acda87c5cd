-- What a country holds as uploader and as origin of the root: who gains when copies count for the original.
-- Parameters: hub, month, scope
SELECT country, max(country_name) AS country_name,
       sum(CASE WHEN attribution = 'publisher' THEN share ELSE 0 END) AS share_by_publisher,
       sum(CASE WHEN attribution = 'base' THEN share ELSE 0 END) AS share_by_base,
       sum(CASE WHEN attribution = 'base' THEN share ELSE -share END) AS base_minus_publisher
FROM country_share_month
WHERE hub = :hub AND "window" = :month AND scope = :scope
GROUP BY country
ORDER BY base_minus_publisher DESC, country
