-- Quantised copies of one family in a month, the most downloaded first.
-- Parameters: hub, month, family
SELECT m.name AS model, p.name AS publisher, o.root_name, o.weight,
       CAST(floor(d.downloads + 0.5) AS bigint) AS downloads
FROM model_month d
JOIN model m ON m.id = d.model_id
JOIN publisher p ON p.id = d.publisher_id
JOIN hub h ON h.id = m.hub_id
JOIN model_origin o ON o.model_id = m.id
WHERE h.name = :hub AND d.month = CAST(replace(:month, '-', '') AS integer)
  AND o.family = :family AND o.relation = 'quantized' AND d.downloads > 0
ORDER BY d.downloads DESC, m.name, o.root_name
