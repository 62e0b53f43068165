"""The sentiment model: a folder whose files are verified by checksum, run with onnxruntime alone.

`folder` reads and writes the folder's manifest, `running` scores texts, `choice` finds the folder that the settings ask
for. Folders but the compact model's are made by `signals_pipeline.model_export`.
"""
