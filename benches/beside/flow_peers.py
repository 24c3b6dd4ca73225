"""What orchestrators take for tasks that do nothing: `flow_peers.py prefect|luigi|dask N`, as JSON.

Importing them is not timed, nor is the start of Prefect's temporary server.
"""
import json
import logging
import sys
import tempfile
import time


def prefect(number):
    import prefect
    from prefect.cache_policies import INPUTS

    @prefect.task(cache_policy=INPUTS, persist_result=True)
    def nothing(i):
        return i

    @prefect.flow
    def many(count):
        for future in [nothing.submit(i) for i in range(count)]:
            future.result()

    def timed(count):
        start = time.perf_counter()
        many(count)
        return time.perf_counter() - start

    # The first flow of a process starts the temporary server.
    timed(0)
    empty = timed(0)
    return {"empty_seconds": empty, "seconds": timed(number), "cached_seconds": timed(number)}


def luigi(number):
    import luigi

    class Nothing(luigi.Task):
        i = luigi.IntParameter()
        done = set()

        def run(self):
            self.done.add(self.i)

        def complete(self):
            return self.i in self.done

    def timed(count):
        Nothing.done.clear()
        start = time.perf_counter()
        luigi.build([Nothing(i=i) for i in range(count)], local_scheduler=True, log_level="CRITICAL")
        return time.perf_counter() - start

    return {"empty_seconds": timed(0), "seconds": timed(number)}


def dask(number):
    import dask

    @dask.delayed(pure=False)
    def nothing(i):
        return i

    start = time.perf_counter()
    dask.compute(*[nothing(i) for i in range(number)], scheduler="threads", num_workers=2)
    return {"seconds": time.perf_counter() - start}


if __name__ == "__main__":
    logging.disable(logging.CRITICAL)
    peer, number = sys.argv[1], int(sys.argv[2])
    with tempfile.TemporaryDirectory():
        print(json.dumps({"prefect": prefect, "luigi": luigi, "dask": dask}[peer](number)))
