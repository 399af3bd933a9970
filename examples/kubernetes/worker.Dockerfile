# The worker's image with the plugin in it: a probe by exec can only run what is in there.
#
#     docker build -f examples/kubernetes/Dockerfile -t check_rodin_queues \
#         --build-arg BASE=rodin-mesh-worker:base .
#     docker build -f examples/kubernetes/worker.Dockerfile \
#         --build-arg WORKER=rodin-mesh-worker:base --build-arg PLUGIN=check_rodin_queues \
#         -t registry.example.com/rodin-mesh-worker:1.0 .
ARG WORKER=rodin-mesh-worker:base
ARG PLUGIN=check_rodin_queues

FROM ${PLUGIN} AS plugin

FROM ${WORKER}
COPY --from=plugin /opt/check_rodin_queues /opt/check_rodin_queues
USER root
# The standard library's byte code, as in the Dockerfile.
RUN python3 -m compileall -q --invalidation-mode unchecked-hash \
        -x '/(ensurepip|idlelib|lib2to3|site-packages|test|tests|turtledemo)/' \
        "$(python3 -c 'import sysconfig; print(sysconfig.get_path("stdlib"))')"
# The manifest's user. Use the user that your worker needs, but not root.
USER 65532:65532
