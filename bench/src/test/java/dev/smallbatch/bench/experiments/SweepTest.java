package dev.smallbatch.bench.experiments;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.smallbatch.core.spi.BackendOptions;
import dev.smallbatch.model.cli.Console;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.ConcurrentLinkedQueue;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class SweepTest {
    @TempDir
    Path directory;
    private Path file;
    private final ByteArrayOutputStream progress = new ByteArrayOutputStream();
    private final ConcurrentLinkedQueue<Point> ran = new ConcurrentLinkedQueue<>();

    record Point(int x, Double y) {}

    record Square(double value) {}

    @BeforeEach
    void name() {
        file = directory.resolve("results.jsonl");
    }

    private List<Outcome<Point, Square>> sweep(List<Point> points) throws IOException {
        PrintStream err = new PrintStream(progress, true);
        Console console = new Console(new PrintStream(new ByteArrayOutputStream()), err, false, 80, "smallbatch");
        Sweep<Point, Square> sweep = new Sweep<>(console, 2, new BackendOptions(1), Point.class, Square.class);
        return sweep.run(file, points, (point, kernels, progress) -> {
            ran.add(point);
            if (point.x < 0) {
                throw new IllegalStateException("negative");
            }
            return new Square(point.x * point.x / 3.0);
        }, outcome -> "square " + outcome.result().value());
    }

    private static List<Point> points(int... x) {
        return Arrays.stream(x).mapToObj(i -> new Point(i, 0.1 * i)).toList();
    }

    @Test
    void everyCellIsRunOnceAndWrittenAsOneLine() throws IOException {
        List<Outcome<Point, Square>> outcomes = sweep(points(1, 2, 3));
        assertEquals(3, outcomes.size());
        assertEquals(3, ran.size());
        List<String> lines = Files.readAllLines(file);
        assertEquals(3, lines.size());
        assertTrue(lines.contains("{\"cell\":{\"x\":2,\"y\":0.2},\"result\":{\"value\":1.3333333333333333}}"), lines.toString());
        assertTrue(progress.toString().contains("3 of 3 runs  0:00 left  square"), progress.toString());
    }

    @Test
    void finishedCellsAreNeverRunAgain() throws IOException {
        sweep(points(1, 2));
        ran.clear();
        List<Outcome<Point, Square>> outcomes = sweep(points(2, 3));
        assertEquals(points(3), List.copyOf(ran));
        assertEquals(List.of(4 / 3.0, 3.0), outcomes.stream().map(outcome -> outcome.result().value()).toList());
    }

    @Test
    void aBrokenLastLineIsCutOffAndItsCellRunAgain() throws IOException {
        sweep(points(1));
        sweep(points(2));
        String whole = Files.readString(file);
        Files.writeString(file, whole.substring(0, whole.length() - 9));
        ran.clear();
        assertEquals(2, sweep(points(1, 2)).size());
        assertEquals(points(2), List.copyOf(ran));
        assertEquals(whole, Files.readString(file));
    }

    @Test
    void aDamagedLineBeforeTheLastIsAnError() throws IOException {
        Files.writeString(file, "{\"cell\":\n");
        Files.writeString(file, "{\"cell\":{\"x\":1},\"result\":{\"value\":1}}\n", StandardOpenOption.APPEND);
        IOException e = assertThrows(IOException.class, () -> sweep(points(2)));
        assertTrue(e.getMessage().contains("line 1 is damaged"), e.getMessage());
    }

    @Test
    void aFailedRunEndsTheSweepAndKeepsWhatIsFinished() throws IOException {
        IOException e = assertThrows(IOException.class, () -> sweep(points(1, 2, -1)));
        assertTrue(e.getMessage().contains("negative"), e.getMessage());
        ran.clear();
        sweep(points(1, 2));
        assertEquals(List.of(), List.copyOf(ran));
    }

    @Test
    void twoSweepsDoNotWriteTheSameFile() throws IOException {
        try (ResultsFile<Point, Square> open = ResultsFile.open(file, Point.class, Square.class)) {
            assertEquals(List.of(), open.outcomes());
            IOException e = assertThrows(IOException.class, () -> sweep(points(1)));
            assertTrue(e.getMessage().contains("another experiment writes it"), e.getMessage());
        }
    }
}
