"""The seven assets, one file a stage, named as the stages of core."""
