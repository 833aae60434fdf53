"""A stand-in for NVIDIA's `tensorrt`: the part of its interface that Mien uses, executed by ONNX Runtime.

It is stricter than the real one: an address that is no memory of the GPU, too little of it, a call out of order or a
network that is not strongly typed end a test. What it is to do wrong stands in the environment:

    TENSORRT_STANDIN_VERSION   its version
    TENSORRT_STANDIN_GPU       the GPU that plans are made for and read on
    TENSORRT_STANDIN_FAULT     several, with commas:
        parser      the parser refuses
        builder     the builder gives nothing
        endless     a build never ends by itself
        deaf        it does not heed the monitor either
        crash       the process dies in the middle of a build
        chatty      it prints to the standard output
        noise       outputs are noise
        noise16     they are if there is float16 in the network
        nomemory    there is no execution context
        lost        the GPU fails when it runs
"""

from __future__ import annotations

import ctypes
import enum
import json
import os
import signal
import threading
import time
from typing import Any

import cuda_standin
import numpy as np
import onnx
import onnxruntime

__version__ = os.environ.get("TENSORRT_STANDIN_VERSION", "10.13.2.6")
#: Of deserialisations that failed, contexts that were made; what tests look at.
events: list[str] = []


def _fault(name: str) -> bool:
    return name in os.environ.get("TENSORRT_STANDIN_FAULT", "").split(",")


def _here() -> list[str]:
    # Read anew: a test moves to another GPU or version between two calls.
    return [os.environ.get("TENSORRT_STANDIN_VERSION", __version__), os.environ["TENSORRT_STANDIN_GPU"]]


class ILogger:
    class Severity(enum.Enum):
        INTERNAL_ERROR = 0
        ERROR = 1
        WARNING = 2
        INFO = 3
        VERBOSE = 4

    def __init__(self) -> None:
        self._made = True

    def log(self, severity: ILogger.Severity, msg: str) -> None:
        raise NotImplementedError

    def _error(self, msg: str) -> None:
        assert self._made, "super().__init__() was not called"
        self.log(ILogger.Severity.ERROR, msg)


class IProgressMonitor:
    def __init__(self) -> None:
        self._made = True


class NetworkDefinitionCreationFlag(enum.IntEnum):
    STRONGLY_TYPED = 1


class MemoryPoolType(enum.Enum):
    WORKSPACE = 0


class TensorIOMode(enum.Enum):
    NONE = 0
    INPUT = 1
    OUTPUT = 2


class DataType(enum.Enum):
    FLOAT = 0
    HALF = 1


class INetworkDefinition:
    onnx: bytes = b""


class _ParserError:
    def desc(self) -> str:
        return "no importer for\n Frobnicate"

    def node(self) -> int:
        return 7


class OnnxParser:
    def __init__(self, network: INetworkDefinition, logger: ILogger) -> None:
        self._network, self.num_errors = network, 0

    def parse(self, model: bytes) -> bool:
        if _fault("parser"):
            self.num_errors = 1
            return False
        parsed = onnx.load_model_from_string(model)
        onnx.checker.check_model(parsed, full_check=True)
        self._network.onnx = model
        return True

    def get_error(self, index: int) -> _ParserError:
        assert 0 <= index < self.num_errors
        return _ParserError()


class _HostMemory:
    def __init__(self, data: bytes) -> None:
        self._data = data

    def __bytes__(self) -> bytes:
        return self._data


class ITimingCache:
    def __init__(self, data: bytes) -> None:
        self.data = data

    def serialize(self) -> _HostMemory:
        return _HostMemory(self.data)


class IBuilderConfig:
    progress_monitor: Any = None

    def __init__(self) -> None:
        self.workspace = 0
        self.timing: ITimingCache | None = None

    def set_memory_pool_limit(self, pool: MemoryPoolType, pool_size: int) -> None:
        assert pool is MemoryPoolType.WORKSPACE
        self.workspace = pool_size

    def create_timing_cache(self, serialized_timing_cache: bytes) -> ITimingCache:
        return ITimingCache(serialized_timing_cache)

    def set_timing_cache(self, cache: ITimingCache, ignore_mismatch: bool) -> bool:
        assert not ignore_mismatch
        if cache.data and json.loads(cache.data)["of"] != _here():
            return False
        self.timing = cache
        return True


class Builder:
    def __init__(self, logger: ILogger) -> None:
        if not isinstance(logger, ILogger):
            raise TypeError("Builder(): incompatible constructor arguments")
        self._logger = logger

    def create_network(self, flags: int = 0) -> INetworkDefinition:
        assert flags == 1 << int(NetworkDefinitionCreationFlag.STRONGLY_TYPED)
        return INetworkDefinition()

    def create_builder_config(self) -> IBuilderConfig:
        return IBuilderConfig()

    def build_serialized_network(self, network: INetworkDefinition, config: IBuilderConfig) -> _HostMemory | None:
        assert network.onnx, "nothing was parsed"
        assert config.workspace > 0
        assert config.timing is not None
        if _fault("chatty"):
            print("[TRT] not JSON\n[1, 2]", flush=True)  # noqa: T201
        monitor = config.progress_monitor
        if not self._steps(monitor):
            return None
        if _fault("builder"):
            self._logger._error("Error Code 10:\n  Could not find any implementation")
            return None
        if _fault("crash"):
            os.kill(os.getpid(), signal.SIGKILL)
        known = json.loads(config.timing.data or b'{"builds": 0}')
        config.timing.data = json.dumps({"of": _here(), "builds": known["builds"] + 1}).encode()
        head = json.dumps({"of": _here()}).encode()
        return _HostMemory(b"PLAN" + len(head).to_bytes(4, "little") + head + network.onnx)

    def _steps(self, monitor: Any) -> bool:
        """Four steps, the third of which has two of its own, from another thread; or without an end."""
        pid = f"Building engine in process {os.getpid()}"
        monitor.phase_start(pid, None, 4)
        go_on = [monitor.step_complete(pid, 0), monitor.step_complete(pid, 1)]
        monitor.phase_start("tactics", pid, 2)
        helper = threading.Thread(target=lambda: go_on.append(monitor.step_complete("tactics", 0)))
        helper.start()
        helper.join()
        while _fault("endless") and (all(go_on) or _fault("deaf")):
            time.sleep(0.002)
            go_on.append(monitor.step_complete("tactics", 0))
        monitor.phase_finish("tactics")
        go_on += [monitor.step_complete(pid, 2), monitor.step_complete(pid, 3)]
        monitor.phase_finish(pid)
        return all(go_on)


class Dims(tuple[int, ...]):
    pass


class ICudaEngine:
    def __init__(self, network: bytes, logger: ILogger) -> None:
        self.session = onnxruntime.InferenceSession(network, providers=["CPUExecutionProvider"])
        self.logger = logger
        self.float16 = any(
            each.data_type == onnx.TensorProto.FLOAT16
            for each in onnx.load_model_from_string(network).graph.initializer
        )
        self.ports = {each.name: (TensorIOMode.INPUT, each) for each in self.session.get_inputs()}
        self.ports |= {each.name: (TensorIOMode.OUTPUT, each) for each in self.session.get_outputs()}

    @property
    def num_io_tensors(self) -> int:
        return len(self.ports)

    def get_tensor_name(self, index: int) -> str:
        return list(self.ports)[index]

    def get_tensor_mode(self, name: str) -> TensorIOMode:
        return self.ports[name][0]

    def get_tensor_shape(self, name: str) -> Dims:
        return Dims(self.ports[name][1].shape)

    def get_tensor_dtype(self, name: str) -> DataType:
        return {"tensor(float)": DataType.FLOAT, "tensor(float16)": DataType.HALF}[self.ports[name][1].type]

    def create_execution_context(self) -> IExecutionContext | None:
        if _fault("nomemory"):
            self.logger._error("Error Code 2: OutOfMemory")
            return None
        events.append("context")
        return IExecutionContext(self)


class IExecutionContext:
    def __init__(self, engine: ICudaEngine) -> None:
        self._engine = engine
        self._addresses: dict[str, int] = {}
        self._ran = False

    def set_tensor_address(self, name: str, memory: int) -> bool:
        if name not in self._engine.ports:
            self._engine.logger._error(f"no tensor {name}")
            return False
        needed = 4 * int(np.prod(self._engine.get_tensor_shape(name)))
        assert cuda_standin.allocations.get(memory, 0) >= needed, f"{name} lies in no memory of the GPU of its size"
        self._addresses[name] = memory
        return True

    def execute_async_v3(self, stream_handle: int) -> bool:
        assert set(self._addresses) == set(self._engine.ports), "an address is missing"
        stream = cuda_standin.streams[stream_handle]
        if stream.capturing is not None:
            assert self._ran, "the first run cannot be captured"
        if _fault("lost"):
            self._engine.logger._error("Error Code 1: Cuda Runtime (unspecified launch failure)")
            return False
        self._ran = True
        stream.put(self._run)
        return True

    def _run(self) -> None:
        given = {each.name: self._at(each.name) for each in self._engine.session.get_inputs()}
        found = self._engine.session.run(None, given)
        noisy = _fault("noise") or (_fault("noise16") and self._engine.float16)
        for each, value in zip(self._engine.session.get_outputs(), found, strict=True):
            if noisy:
                value = np.random.default_rng(1).random(value.shape, np.float32)
            self._at(each.name)[...] = value

    def _at(self, name: str) -> np.ndarray[Any, Any]:
        shape = self._engine.get_tensor_shape(name)
        count = int(np.prod(shape))
        return np.ctypeslib.as_array((ctypes.c_float * count).from_address(self._addresses[name])).reshape(shape)


class Runtime:
    def __init__(self, logger: ILogger) -> None:
        self._logger = logger

    def deserialize_cuda_engine(self, serialized_engine: bytes) -> ICudaEngine | None:
        try:
            assert serialized_engine[:4] == b"PLAN"
            size = int.from_bytes(serialized_engine[4:8], "little")
            assert json.loads(serialized_engine[8 : 8 + size])["of"] == _here()
            return ICudaEngine(serialized_engine[8 + size :], self._logger)
        except (AssertionError, ValueError, KeyError):
            self._logger._error("Error Code 1: Serialization (magic tag does not match)")
            events.append("unreadable")
            return None
