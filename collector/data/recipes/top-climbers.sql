-- Models that gained most since the month before.
-- Parameters: hub, month, previous_month
WITH before AS (
    SELECT model, sum(downloads) AS downloads
    FROM model_downloads_month
    WHERE hub = :hub AND "window" = :previous_month
    GROUP BY model
)
SELECT t.model, t.family, t.country_base, t.downloads, coalesce(b.downloads, 0) AS downloads_before,
       t.downloads - coalesce(b.downloads, 0) AS gained, t.flags
FROM model_downloads_month t LEFT JOIN before b ON b.model = t.model
WHERE t.hub = :hub AND t."window" = :month
ORDER BY gained DESC, t.model
LIMIT 20
