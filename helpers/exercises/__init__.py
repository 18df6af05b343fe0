"""Checks of the learner's answers: each says what is wrong and where to look.

A checker takes the answer and what is needed to judge it, and returns a `Feedback`.
It judges the result, not the way: any right answer passes, whatever its data type.
"""

from helpers.exercises.chapter1 import (
    check_chance_scores,
    check_hard_pair,
    check_pair_accuracy,
)
from helpers.exercises.chapter2 import (
    check_lucky_best,
    check_most_variable,
    check_pipeline,
    check_run_splits,
)
from helpers.exercises.chapter3 import (
    check_back_to_brain,
    check_high_pass,
    check_tsnr,
    check_voxel,
)
from helpers.exercises.chapter4_decoding import (
    check_best_sphere,
    check_better_map,
    check_control,
    check_pattern,
)
from helpers.exercises.chapter4_searchlight import (
    check_blurred_center,
    check_max_threshold,
    check_sphere_size,
    check_volume_null,
)
from helpers.exercises.chapter4_trust import (
    check_fooling_design,
    check_honest_score,
    check_p_value,
    check_runs_needed,
)
from helpers.exercises.chapter5_decoding import (
    check_always_off,
    check_balanced_c,
    check_better_pixel,
    check_weight_counts,
)
from helpers.exercises.chapter5_encoding import (
    check_better_encoding,
    check_field_center,
    check_unshifted,
)
from helpers.exercises.chapter5_reconstruction import (
    check_better_images,
    check_of_five,
)
from helpers.exercises.chapter6_compression import (
    check_known_place,
    check_lost,
    check_outside,
    check_parcel_pipeline,
)
from helpers.exercises.chapter6_ica import (
    check_component,
    check_judgment,
    check_own_map,
    check_price,
)
from helpers.exercises.chapter6_parcellation import (
    check_parcel_means,
    check_parcel_volume,
    check_placed,
    check_rough,
)
from helpers.exercises.chapter7_beyond import (
    check_amdahl,
    check_plan,
    check_streamed_variance,
)
from helpers.exercises.chapter7_connectomes import (
    check_closer_matrix,
    check_edge_matrix,
    check_honest_biomarker,
    check_subjects_needed,
)
from helpers.exercises.chapter7_nilearn import (
    check_masker,
    check_own_decoder,
    check_partial,
    check_screening,
)
from helpers.exercises.chapter7_own_data import (
    check_audit,
    check_faulty_run,
    check_motion_table,
    check_volume_labels,
)
from helpers.exercises.feedback import Feedback
from helpers.exercises.real_haxby import (
    check_block_null,
    check_by_position,
    check_slice_pair,
    check_tells_apart,
)
from helpers.exercises.real_miyawaki import (
    check_black_image,
    check_pairwise,
    check_rebuilt,
)
from helpers.exercises.real_rest import (
    check_by_time,
    check_choice,
    check_pieces,
    check_strongest,
)

__all__ = [
    "check_strongest",
    "check_pieces",
    "check_choice",
    "check_by_time",
    "Feedback",
    "check_always_off",
    "check_amdahl",
    "check_audit",
    "check_back_to_brain",
    "check_balanced_c",
    "check_best_sphere",
    "check_better_encoding",
    "check_better_images",
    "check_better_map",
    "check_better_pixel",
    "check_black_image",
    "check_block_null",
    "check_by_position",
    "check_blurred_center",
    "check_chance_scores",
    "check_closer_matrix",
    "check_component",
    "check_control",
    "check_edge_matrix",
    "check_faulty_run",
    "check_field_center",
    "check_fooling_design",
    "check_hard_pair",
    "check_high_pass",
    "check_honest_biomarker",
    "check_honest_score",
    "check_judgment",
    "check_known_place",
    "check_lost",
    "check_lucky_best",
    "check_masker",
    "check_max_threshold",
    "check_most_variable",
    "check_of_five",
    "check_motion_table",
    "check_own_decoder",
    "check_own_map",
    "check_p_value",
    "check_pair_accuracy",
    "check_pairwise",
    "check_outside",
    "check_parcel_means",
    "check_parcel_pipeline",
    "check_parcel_volume",
    "check_partial",
    "check_pattern",
    "check_pipeline",
    "check_placed",
    "check_plan",
    "check_price",
    "check_rebuilt",
    "check_rough",
    "check_run_splits",
    "check_runs_needed",
    "check_screening",
    "check_slice_pair",
    "check_tells_apart",
    "check_sphere_size",
    "check_streamed_variance",
    "check_subjects_needed",
    "check_tsnr",
    "check_unshifted",
    "check_volume_labels",
    "check_volume_null",
    "check_voxel",
    "check_weight_counts",
]
