"""Data to try things on, and files read into matrices.

Data that come with scikit-learn: :func:`load_iris`, :func:`load_digits`. Files: :func:`read_table` (CSV, TSV,
Parquet, Arrow/Feather, NPY, NPZ; needs ``pip install 'shoal[app]'``) and :func:`load_npz`.
"""

from shoal.datasets.embedded import Dataset, load_digits, load_iris, load_npz
from shoal.datasets.table import Selection, Table, read_table

__all__ = ["Dataset", "Selection", "Table", "load_digits", "load_iris", "load_npz", "read_table"]
