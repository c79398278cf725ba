package dev.smallbatch.bench.experiments;

import dev.smallbatch.core.spi.Backend;
import dev.smallbatch.core.spi.BackendOptions;
import dev.smallbatch.core.spi.Backends;
import dev.smallbatch.core.spi.Kernels;
import dev.smallbatch.model.cli.Console;
import dev.smallbatch.model.cli.Format;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.function.DoubleConsumer;
import java.util.function.Function;

/**
 * Runs the cells of a grid that are not in its results file yet, several at a time, each on a backend of its own. A sweep that
 * was stopped goes on where it was: finished cells are never run again.
 *
 * @param <C> settings of a run, a record; equal settings are the same run
 * @param <R> what comes out, a record
 */
final class Sweep<C, R> {
    /** Seconds between lines of a log, and between changes of a line on a terminal. */
    private static final double LONGEST_PAUSE = 15;
    private static final double SHORTEST_PAUSE = 0.5;
    private static final double SMALL_PART = 1e-5;

    private final Console console;
    private final int workers;
    private final BackendOptions threads;
    private final Class<C> cellType;
    private final Class<R> resultType;
    private final long begin = System.nanoTime();
    private String last = "";
    private double lastLine;
    private int finished;
    private double underWay;

    Sweep(Console console, int workers, BackendOptions threads, Class<C> cellType, Class<R> resultType) {
        this.console = console;
        this.workers = workers;
        this.threads = threads;
        this.cellType = cellType;
        this.resultType = resultType;
    }

    /** Trains a cell. */
    @FunctionalInterface
    interface Run<C, R> {
        /**
         * Called by several threads at once.
         *
         * @param kernels of an open backend
         * @param progress may be told now and then which part of the run is done
         */
        R of(C cell, Kernels kernels, DoubleConsumer progress);
    }

    /**
     * Runs what is missing.
     *
     * @param file results; created if needed
     * @param run trains a cell
     * @param summary of an outcome, for the progress line
     * @return the outcomes of {@code cells}, in their order
     */
    List<Outcome<C, R>> run(Path file, List<C> cells, Run<C, R> run, Function<Outcome<C, R>, String> summary)
            throws IOException {
        try (ResultsFile<C, R> results = ResultsFile.open(file, cellType, resultType)) {
            Set<C> missing = new LinkedHashSet<>(cells);
            results.outcomes().forEach(outcome -> missing.remove(outcome.cell()));
            if (missing.size() < cells.size()) {
                console.row("goes on", "%d of %d runs were finished before", cells.size() - missing.size(), cells.size());
            }
            runAll(List.copyOf(missing), cell -> {
                try (Backend backend = Backends.open("auto", threads)) {
                    Part part = new Part(missing.size());
                    Outcome<C, R> outcome = new Outcome<>(cell, run.of(cell, backend.kernels(), part));
                    results.append(outcome);
                    part.finish(summary.apply(outcome));
                }
                return null;
            });
            Set<C> wanted = Set.copyOf(cells);
            return results.outcomes().stream().filter(outcome -> wanted.contains(outcome.cell())).toList();
        }
    }

    /** What a worker does with a cell. */
    private interface Task<C> {
        Void run(C cell) throws IOException;
    }

    private void runAll(List<C> cells, Task<C> task) throws IOException {
        List<Future<Void>> futures = new ArrayList<>();
        try (ExecutorService pool = Executors.newFixedThreadPool(workers)) {
            for (C cell : cells) {
                futures.add(pool.submit((Callable<Void>) () -> task.run(cell)));
            }
            for (Future<Void> future : futures) {
                try {
                    future.get();
                } catch (ExecutionException e) {
                    pool.shutdownNow();
                    throw new IOException("experiment: a run failed: " + e.getCause(), e.getCause());
                } catch (InterruptedException e) {
                    pool.shutdownNow();
                    Thread.currentThread().interrupt();
                    throw new IOException("experiment: interrupted; the same command goes on", e);
                }
            }
        }
    }

    /** A run and how much of it is done. */
    private final class Part implements DoubleConsumer {
        private final int all;
        private double done;

        Part(int all) {
            this.all = all;
        }

        @Override
        public void accept(double fraction) {
            synchronized (Sweep.this) {
                underWay += fraction - done;
                done = fraction;
                double seconds = (System.nanoTime() - begin) * 1e-9;
                if (seconds - lastLine >= (console.interactive() ? SHORTEST_PAUSE : LONGEST_PAUSE)) {
                    print(all, seconds);
                }
            }
        }

        void finish(String summary) {
            synchronized (Sweep.this) {
                underWay -= done;
                finished++;
                last = summary;
                double seconds = (System.nanoTime() - begin) * 1e-9;
                if (console.interactive() || finished == all || seconds - lastLine >= LONGEST_PAUSE) {
                    print(all, seconds);
                }
            }
        }
    }

    private void print(int all, double seconds) {
        lastLine = seconds;
        double done = Math.max(finished + underWay, 1e-9);
        String count = underWay < SMALL_PART ? Integer.toString(finished) : Format.text(done < 0.1 ? "%.2g" : "%.2f", done);
        String line = Format.text("%s of %d runs  %s left  %s", count, all, Format.time(seconds / done * (all - done)), last);
        if (console.interactive()) {
            int width = Math.max(20, console.columns() - 1);
            console.err().print("\r" + Format.text("%-" + width + "." + width + "s", line) + (finished == all ? "\n" : ""));
        } else {
            console.err().println(line);
        }
    }
}
