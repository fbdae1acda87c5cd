-- Who republishes whom: uploaders of models made from another account's, by the downloads that counts for.
-- Parameters: hub, month
SELECT p.name AS uploader, o.root_publisher, count(*) AS models,
       CAST(floor(sum(d.downloads * o.weight) + 0.5) AS bigint) AS downloads
FROM model_month d
JOIN model m ON m.id = d.model_id
JOIN publisher p ON p.id = d.publisher_id
JOIN hub h ON h.id = m.hub_id
JOIN model_origin o ON o.model_id = m.id
WHERE h.name = :hub AND d.month = CAST(replace(:month, '-', '') AS integer)
  AND o.basis <> 'none' AND o.root_publisher <> p.name AND d.downloads > 0
GROUP BY p.name, o.root_publisher
ORDER BY sum(d.downloads * o.weight) DESC, p.name, o.root_publisher
LIMIT 50
