-- Derivatives in a month by origin of their root and how they were made: the rows of derivative_share.csv.
-- Parameters: hub, month, scope
SELECT country, relation, new_models, new_models_share, downloads, share, share_of_all, models, top_model
FROM derivative_share_month
WHERE hub = :hub AND "window" = :month AND scope = :scope
ORDER BY share DESC, country, relation
