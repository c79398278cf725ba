/** The TornadoVM back end, found at run time. */
module dev.smallbatch.tornado {
    requires dev.smallbatch.core;
}
