#!/bin/sh
# Take out of the image's packages what no run, web server or daemon opens. Usage: trim.sh SITE_PACKAGES
set -eu
cd "$1"
# Tests, headers, sources, type stubs and the web server's source maps. `dagster/_utils/test` is code and stays.
rm -rf pandas/tests numpy/tests numpy/*/tests pyarrow/tests pyarrow/include pyarrow/src
find . -type f \( -name '*.map' -o -name '*.pyi' -o -name '*.pyx' -o -name '*.pxd' -o -name '*.h' -o -name '*.c' -o -name '*.cpp' \) -delete
# Arrow's RPC and S3 client: frames go to S3 through s3fs.
rm -f pyarrow/libarrow_flight* pyarrow/_flight* pyarrow/libarrow_python_flight* pyarrow/libarrow_s3* pyarrow/_s3fs*
# onnxruntime's converters, which prepare models; and the download accelerator of a hub that runs never ask.
rm -rf onnxruntime/transformers onnxruntime/tools onnxruntime/quantization onnxruntime/datasets hf_xet hf_xet-*
# What draws the figures of `signals record` and `signals tune`, which are looked at where the operator sits.
rm -rf matplotlib mpl_toolkits fontTools contourpy kiwisolver
# Descriptions of the AWS services that nothing here speaks to.
for folder in botocore/data/*/; do
    case $(basename "$folder") in
        cloudformation|cloudwatch|ec2|ecr|ecs|logs|s3|secretsmanager|sesv2|ssm|sso|sso-oidc|sts) ;;
        *) rm -rf "$folder" ;;
    esac
done
# Debug symbols; not of the libraries that wheels bring along in *.libs, whose patched headers don't survive it.
find . -name '*.libs' -prune -o -type f -name '*.so*' -size +100k -exec strip --strip-unneeded {} +
