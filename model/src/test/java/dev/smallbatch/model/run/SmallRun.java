package dev.smallbatch.model.run;

import dev.smallbatch.core.rand.RandomKey;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/** A run that takes a moment: some kilobytes of made-up text, a model of a few thousand parameters. */
public final class SmallRun {
    private static final List<String> WORDS = List.of("the", "miller", "owns", "a", "mill", "and", "his", "daughter", "bakes",
            "bread", "every", "morning", "before", "sun", "rises", "over", "river");

    private SmallRun() {}

    /** A text of about that many bytes, always the same. */
    public static Path text(Path directory, int bytes) throws IOException {
        RandomKey key = RandomKey.of(7).fork("words");
        StringBuilder text = new StringBuilder();
        for (long i = 0; text.length() < bytes; i++) {
            text.append(WORDS.get((int) (key.uniform(i) * WORDS.size()))).append(i % 9 == 8 ? ".\n" : " ");
        }
        Path file = directory.resolve("text.txt");
        Files.writeString(file, text);
        return file;
    }

    /** Options of a run of 40 steps. */
    public static TrainingOptions options(Path text, Path out) {
        return TrainingOptions.into(out).data(text).layers(1).dim(16).heads(2).seqLen(16).tokenizer("byte").steps(40L)
                .evalEvery(10L).checkpointEvery(8L).threads(1);
    }

    /** The same as arguments of the command line. */
    public static List<String> arguments(Path text, Path out) {
        return List.of("train", "--data", text.toString(), "--out", out.toString(), "--layers", "1", "--dim", "16", "--heads",
                "2",
                "--seq-len", "16", "--tokenizer", "byte", "--steps", "40", "--eval-every", "10", "--checkpoint-every", "8",
                "--threads", "1");
    }
}
