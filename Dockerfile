# Two images of one file: Seedbed itself, and Label Studio in the version that Seedbed was tried against.
FROM python:3.11-slim-bookworm AS base
RUN useradd --create-home --uid 10001 seedbed && mkdir /state && chown seedbed /state
ENV PYTHONUNBUFFERED=1 PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
WORKDIR /app

FROM base AS seedbed
# TORCH_INDEX: https://download.pytorch.org/whl/cpu for machines without a GPU, empty for CUDA
ARG TORCH_INDEX=https://download.pytorch.org/whl/cpu
COPY requirements.txt .
RUN pip install ${TORCH_INDEX:+--index-url $TORCH_INDEX} torch==2.13.0 && pip install -r requirements.txt
COPY . .
ENV SEEDBED_NO_BOOTSTRAP=1 SEEDBED_STATE=/state
USER seedbed
EXPOSE 8000
CMD ["uvicorn", "workbench.asgi:application", "--host", "0.0.0.0", "--port", "8000", "--timeout-graceful-shutdown", "5"]

FROM base AS label-studio
RUN pip install label-studio==1.23.2
ENV LABEL_STUDIO_BASE_DATA_DIR=/state
USER seedbed
EXPOSE 8080
CMD ["label-studio", "start", "--no-browser", "--internal-host", "0.0.0.0", "--port", "8080", "--enable-legacy-api-token"]
