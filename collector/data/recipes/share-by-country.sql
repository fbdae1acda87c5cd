-- Ranking of countries in a month: the rows of country_share.csv.
-- Parameters: hub, month, scope, attribution
SELECT country, country_name, downloads, share, previous_share, share_of_attributed, share_max, models, top_model, status
FROM country_share_month
WHERE hub = :hub AND "window" = :month AND scope = :scope AND attribution = :attribution
ORDER BY share DESC, country
