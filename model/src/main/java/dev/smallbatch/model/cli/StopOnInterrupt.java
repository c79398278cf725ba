package dev.smallbatch.model.cli;

import dev.smallbatch.model.run.TrainingRun;
import java.util.concurrent.CountDownLatch;

/**
 * Until {@link #end}, Ctrl-C and SIGTERM let the present step finish and its checkpoint be written; the JVM then ends with the
 * exit code of the signal.
 */
final class StopOnInterrupt {
    private final CountDownLatch done = new CountDownLatch(1);
    private final Thread hook;

    StopOnInterrupt(TrainingRun run, Console console) {
        hook = new Thread(() -> {
            console.err().println();
            console.err().println("stopping: this step is finished and a checkpoint written ...");
            run.requestStop();
            try {
                done.await();
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            }
        }, "stop on interrupt");
        Runtime.getRuntime().addShutdownHook(hook);
    }

    /** Everything is written and said. */
    void end() {
        try {
            Runtime.getRuntime().removeShutdownHook(hook);
        } catch (IllegalStateException shuttingDown) {
            // The hook runs; it must not wait any longer.
            done.countDown();
        }
    }
}
