/** Tensors, back ends, autograd: the tensor core of Smallbatch, on the JDK alone. */
module dev.smallbatch.core {
    requires jdk.incubator.vector;

    exports dev.smallbatch.core.tensor;
    exports dev.smallbatch.core.autograd;
    exports dev.smallbatch.core.io;
    exports dev.smallbatch.core.rand;
    exports dev.smallbatch.core.replay;
    exports dev.smallbatch.core.spi;

    uses dev.smallbatch.core.spi.BackendProvider;
    provides dev.smallbatch.core.spi.BackendProvider with
            dev.smallbatch.core.cpu.none.NullBackendProvider,
            dev.smallbatch.core.cpu.scalar.ScalarBackendProvider,
            dev.smallbatch.core.cpu.vector.VectorBackendProvider;
}
