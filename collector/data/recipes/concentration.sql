-- How concentrated the downloads of a month are: the part of the largest 1, 5, 10 publishers, and the Herfindahl index.
-- Parameters: hub, scope
WITH ranked AS (
    SELECT "window", share, row_number() OVER (PARTITION BY "window" ORDER BY share DESC, publisher) AS place
    FROM publisher_share_month
    WHERE hub = :hub AND scope = :scope
)
SELECT "window", sum(CASE WHEN place = 1 THEN share ELSE 0 END) AS top_1,
       sum(CASE WHEN place <= 5 THEN share ELSE 0 END) AS top_5,
       sum(CASE WHEN place <= 10 THEN share ELSE 0 END) AS top_10,
       sum(share * share) AS herfindahl, count(*) AS publishers
FROM ranked
GROUP BY "window"
ORDER BY "window"
