-- The country that led each month (ZZ and XX left out), and the first month in which it ever did.
-- Parameters: hub, scope, attribution
WITH ranked AS (
    SELECT "window", country, country_name, share,
           rank() OVER (PARTITION BY "window" ORDER BY share DESC) AS place
    FROM country_share_month
    WHERE hub = :hub AND scope = :scope AND attribution = :attribution AND country NOT IN ('XX', 'ZZ') AND share > 0
)
SELECT "window", country, country_name, share, min("window") OVER (PARTITION BY country) AS first_month_led
FROM ranked
WHERE place = 1
ORDER BY "window", country
