"""What holds for every test."""

import os

# References are computed on the processor: so is what is compared with them, also where there is a GPU.
os.environ["CUDA_VISIBLE_DEVICES"] = ""
