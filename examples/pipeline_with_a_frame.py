"""k-means on a data frame, inside a scikit-learn pipeline.

The columns have different units, so they are scaled first. Feature names travel with the frame: a new frame
whose columns differ is refused, not clustered silently.
"""

import polars as pl
from sklearn.datasets import load_wine
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import shoal

wine = load_wine()
frame = pl.DataFrame(wine.data, schema=wine.feature_names)

pipeline = make_pipeline(StandardScaler(), shoal.KMeans(n_clusters=3, n_init=10, random_state=0))
labels = pipeline.fit_predict(frame)

summary = (
    frame.with_columns(cluster=labels)
    .group_by("cluster")
    .agg(pl.len().alias("wines"), pl.col("alcohol", "color_intensity", "proline").mean().round(2))
    .sort("cluster")
)
print(summary)

agreement = shoal.metrics.adjusted_rand_score(wine.target, labels)
print(f"agreement with the three cultivars, which k-means never saw: ARI {agreement:.2f}")
assert agreement > 0.8

try:
    pipeline.predict(frame.select(reversed(frame.columns)))
except ValueError as error:
    print("columns in another order are refused:", str(error).splitlines()[0])
