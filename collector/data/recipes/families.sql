-- Model families in a month, whoever republished them: the rows of family_share.csv.
-- Parameters: hub, month, scope
SELECT family, country, downloads, share, previous_share, derivative_part, models, top_model
FROM family_share_month
WHERE hub = :hub AND "window" = :month AND scope = :scope
ORDER BY share DESC, family, country
