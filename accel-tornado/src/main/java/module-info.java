/** The TornadoVM backend, found at run time. */
module dev.smallbatch.tornado {
    requires dev.smallbatch.core;

    provides dev.smallbatch.core.spi.BackendProvider with dev.smallbatch.tornado.TornadoBackendProvider;
}
