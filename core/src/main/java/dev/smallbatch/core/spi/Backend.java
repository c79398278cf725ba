package dev.smallbatch.core.spi;

/** An open back end: kernels and the threads behind them. Used from one thread at a time. */
public interface Backend extends AutoCloseable {
    BackendInfo info();

    Kernels kernels();

    /** Stops the back end's threads and frees what it holds. Closing twice does nothing. */
    @Override
    void close();
}
