package dev.smallbatch.bench.experiments;

import java.io.IOException;
import java.util.List;

/** An experiment of the paper: makes runs and figures, and judges. */
interface Experiment {
    /** What it shows, one line. */
    String title();

    /** Runs what is missing, draws, and checks the claims. */
    List<Claim> run(Trial trial) throws IOException;
}
