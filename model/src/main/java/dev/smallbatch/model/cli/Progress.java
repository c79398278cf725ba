package dev.smallbatch.model.cli;

import dev.smallbatch.model.data.CorpusProgress;
import dev.smallbatch.optim.train.StepListener;
import dev.smallbatch.optim.train.StepStats;
import java.nio.charset.Charset;
import java.util.OptionalDouble;
import me.tongfei.progressbar.ConsoleProgressBarConsumer;
import me.tongfei.progressbar.ProgressBar;
import me.tongfei.progressbar.ProgressBarBuilder;
import me.tongfei.progressbar.ProgressBarStyle;

/**
 * Shows how far a run is: a bar where a person is watching, else a line now and then. First the preparation of the text, then
 * the steps, or the tokens if the size of a step changes.
 */
final class Progress implements CorpusProgress, StepListener, AutoCloseable {
    private static final int REFRESH_MILLIS = 200;
    /** A line for each tenth, but not more often than every two seconds and at least every 30. */
    private static final int LINES = 10;
    private static final double SHORTEST_PAUSE = 2;
    private static final double LONGEST_PAUSE = 30;
    /** The loss that is shown is a mean over the last quarter of the steps, but over some 50 at most. */
    private static final double NEWEST_SHARE = 0.02;
    private static final double WINDOWS = 4;

    private final Console console;
    private ProgressBar bar;
    private String stage = "";
    private long all;
    private boolean inTokens;
    private long lastLineDone;
    private double lastLineSeconds;
    private double smoothed;
    private long seen;
    private long skipped;
    private OptionalDouble evalLoss = OptionalDouble.empty();

    Progress(Console console) {
        this.console = console;
    }

    @Override
    public void report(String newStage, long done, long total) {
        if (!newStage.equals(stage)) {
            end();
            stage = newStage;
            if (console.interactive()) {
                bar = bar(newStage, total);
            } else {
                console.err().println(newStage + " ...");
            }
        }
        if (bar != null) {
            bar.maxHint(Math.max(total, 1)).stepTo(Math.min(done, total));
        }
    }

    /** The training begins, at a step or token from 0 up. */
    void begin(long done, long allOfThem, boolean tokens) {
        end();
        all = allOfThem;
        inTokens = tokens;
        lastLineDone = done;
        if (console.interactive()) {
            bar = bar("training", all);
            bar.stepTo(done);
        }
    }

    private long done(StepStats stats) {
        return inTokens ? Math.min(all, stats.tokens()) : stats.step();
    }

    private ProgressBar bar(String task, long max) {
        boolean unicode = Charset.forName(console.err().charset().name()).newEncoder().canEncode('█');
        return new ProgressBarBuilder().setTaskName(task).setInitialMax(Math.max(max, 1)).setUpdateIntervalMillis(REFRESH_MILLIS)
                .setStyle(unicode ? ProgressBarStyle.UNICODE_BLOCK : ProgressBarStyle.ASCII)
                .setConsumer(new ConsoleProgressBarConsumer(console.err(), console.columns() - 1)).build();
    }

    @Override
    public void onStep(StepStats stats) {
        if (Double.isFinite(stats.loss())) {
            double newest = Math.max(NEWEST_SHARE, WINDOWS / (WINDOWS + seen++));
            smoothed += newest * (stats.loss() - smoothed);
        }
        skipped = stats.skipped();
        if (stats.evalLoss().isPresent()) {
            evalLoss = stats.evalLoss();
        }
        if (bar != null) {
            bar.setExtraMessage(Format.text(" loss %.3f%s%s %s tok/s", smoothed, evaluated(), skipped(),
                    Format.count(stats.tokensPerSecond())));
            bar.stepTo(done(stats));
        } else if (!console.interactive() && isLineDue(stats)) {
            line(stats);
        }
    }

    private boolean isLineDue(StepStats stats) {
        double pause = stats.elapsedSeconds() - lastLineSeconds;
        boolean tenth = done(stats) * LINES / all > lastLineDone * LINES / all;
        return done(stats) == all || tenth && pause >= SHORTEST_PAUSE || pause >= LONGEST_PAUSE;
    }

    private void line(StepStats stats) {
        long done = done(stats);
        double perOne = (stats.elapsedSeconds() - lastLineSeconds) / Math.max(1, done - lastLineDone);
        String where = inTokens ? Format.text("%,d of %,d tokens, %,d at a time", done, all, stats.batchTokens())
                : Format.text("step %,d of %,d", done, all);
        console.err().println(Format.text("%s  %3.0f%%  loss %.3f%s%s  %s tok/s  %s left",
                where, 100.0 * done / all, smoothed, evaluated(), skipped(), Format.count(stats.tokensPerSecond()),
                Format.time(perOne * (all - done))));
        lastLineDone = done;
        lastLineSeconds = stats.elapsedSeconds();
    }

    private String evaluated() {
        return evalLoss.isPresent() ? Format.text("  validation %.3f", evalLoss.getAsDouble()) : "";
    }

    private String skipped() {
        return skipped > 0 ? Format.text("  %,d skipped", skipped) : "";
    }

    @Override
    public void close() {
        end();
    }

    /** Takes away what is shown now. */
    void end() {
        if (bar != null) {
            bar.close();
            bar = null;
        }
    }
}
