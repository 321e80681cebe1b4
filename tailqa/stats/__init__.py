"""Statistics of paired right/wrong answers and of raw values: counts in, estimates out.

Sign everywhere: gap = student − teacher, negative when the student is worse. Cells everywhere:
(both, teacher_only, student_only, neither). docs/statistics.md says what is computed and why.
"""

from tailqa.stats.clustered import (
    Clusters,
    clustered_geometric_mean,
    clustered_mean,
    clustered_share,
)
from tailqa.stats.clustered_pairs import (
    clustered_gap,
    clustered_interaction,
    clustered_noninferiority_p,
    clustered_pooled_gap,
    clustered_retention,
    design_effect,
)
from tailqa.stats.crossover import crossover, median_ratio, speed_of
from tailqa.stats.equality import mcnemar
from tailqa.stats.jackknife import ClusterCells
from tailqa.stats.looks import obrien_fleming_bounds
from tailqa.stats.multiplicity import benjamini_hochberg, holm
from tailqa.stats.paired import noninferiority_p, paired_gap
from tailqa.stats.planning import noninferiority_n, queries_to_settle, queries_to_settle_estimate
from tailqa.stats.pooled import pooled_accuracy, pooled_gap, tail_interaction
from tailqa.stats.proportion import accuracy, flip_rate
from tailqa.stats.quantiles import clustered_quantiles
from tailqa.stats.ranking import ranking_auc
from tailqa.stats.ratio import retention
from tailqa.stats.regression import WeekEvidence, alarm_log_threshold, regression_evidence
from tailqa.stats.sample import mean_estimate, quantile_estimate
from tailqa.stats.scores import pooled_scores, score_gap, score_retention
from tailqa.stats.sequential import GapEProcess, RetentionEProcess, gap_confidence_sequence
from tailqa.stats.total import stratified_ratio, stratified_total

__all__ = [
    "ClusterCells",
    "Clusters",
    "GapEProcess",
    "RetentionEProcess",
    "WeekEvidence",
    "accuracy",
    "alarm_log_threshold",
    "benjamini_hochberg",
    "clustered_gap",
    "clustered_geometric_mean",
    "clustered_interaction",
    "clustered_mean",
    "clustered_noninferiority_p",
    "clustered_pooled_gap",
    "clustered_quantiles",
    "clustered_retention",
    "clustered_share",
    "crossover",
    "design_effect",
    "flip_rate",
    "gap_confidence_sequence",
    "holm",
    "mcnemar",
    "mean_estimate",
    "median_ratio",
    "noninferiority_n",
    "noninferiority_p",
    "obrien_fleming_bounds",
    "paired_gap",
    "pooled_accuracy",
    "pooled_gap",
    "pooled_scores",
    "quantile_estimate",
    "queries_to_settle",
    "queries_to_settle_estimate",
    "ranking_auc",
    "regression_evidence",
    "retention",
    "score_gap",
    "score_retention",
    "speed_of",
    "stratified_ratio",
    "stratified_total",
    "tail_interaction",
]
