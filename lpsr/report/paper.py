"""What the paper does and reports on CCPD ×8 (Sendjasni & Larabi, Neurocomputing 651:130657, arXiv 2501.01483)."""

from typing import NamedTuple

# Iterations and batch of every model of the table.
ITERATIONS, BATCH = 1_000_000, 128
# Of the embedding, figures 8 and 9.
DIMENSIONS = (64, 128, 256, 512)


class Published(NamedTuple):
    """Median and standard deviation over plates; ``parameters`` as printed."""

    name: str
    parameters: str
    psnr: tuple[float, float]
    psnr_y: tuple[float, float]
    confidence: tuple[float, float]


# Table 1.
TABLE = (
    Published("Bicubic", "", (18.53, 2.78), (18.70, 2.82), (0.697, 0.19)),
    Published("SRCNN", "57 K", (19.57, 2.72), (19.84, 2.78), (0.665, 0.21)),
    Published("MSRN", "6 M", (19.78, 2.74), (19.84, 2.82), (0.656, 0.20)),
    Published("ESPCN", "800 K", (23.52, 2.47), (24.11, 0.61), (0.848, 0.14)),
    Published("ESRGAN", "16 M", (18.76, 2.26), (19.01, 2.33), (0.812, 0.17)),
    Published("TBSRN", "12 M", (23.76, 2.48), (24.42, 2.63), (0.855, 0.15)),
    Published("SwinIR", "11 M", (23.56, 2.50), (24.18, 2.65), (0.850, 0.14)),
    Published("PECL, Manhattan", "2 M", (25.13, 2.46), (25.92, 2.62), (0.852, 0.13)),
)
BICUBIC, PECL = TABLE[0], TABLE[-1]
