package dev.smallbatch.bench;

import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

/** The project stays small enough to be read. Raising a number here needs a reason in the commit message. */
class SourceBudgetTest {
    private static final int FILE_LINES = 400;
    private static final int CORE_CODE = 9_600;
    /** Everything but bench. */
    private static final int SHIPPED_CODE = 23_300;
    private static final int BENCH_CODE = 6_200;

    @Test
    void noFileHasFourHundredLines() {
        List<String> tooLong = new ArrayList<>();
        for (String module : SourceTree.MODULES) {
            for (String part : List.of("main", "test")) {
                for (Path file : SourceTree.javaSources(module, part)) {
                    long lines = SourceTree.read(file).lines().count();
                    if (lines >= FILE_LINES) {
                        tooLong.add(SourceTree.name(file) + " has " + lines + " lines");
                    }
                }
            }
        }
        assertTrue(tooLong.isEmpty(), () -> String.join("; ", tooLong) + ". Files stay below " + FILE_LINES
                + " lines: give the part that could be understood alone a class of its own");
    }

    /** Counted without comments and blank lines; prints the table. */
    @Test
    void mainCodeStaysWithinItsBudget() {
        StringBuilder table = new StringBuilder(String.format("%nLines of code%n%-14s %8s %8s%n", "module", "main", "test"));
        int all = 0;
        int core = 0;
        int bench = 0;
        for (String module : SourceTree.MODULES) {
            int main = codeLines(module, "main");
            table.append(String.format("%-14s %8d %8d%n", module, main, codeLines(module, "test")));
            all += main;
            core += module.equals("core") ? main : 0;
            bench += module.equals("bench") ? main : 0;
        }
        table.append(String.format("%-14s %8d%n", "all", all));
        System.out.println(table);
        assertTrue(core <= CORE_CODE, "core has more than " + CORE_CODE + " lines of code: remove what nothing uses, or move"
                + " what is not about tensors, kernels or the tape to optim or model." + table);
        int shipped = all - bench;
        assertTrue(shipped <= SHIPPED_CODE, "what an application can embed has more than " + SHIPPED_CODE
                + " lines: remove what nothing uses." + table);
        assertTrue(bench <= BENCH_CODE, "bench has more than " + BENCH_CODE + " lines: an experiment is a screen." + table);
    }

    private static int codeLines(String module, String part) {
        return SourceTree.javaSources(module, part).stream().mapToInt(file -> CodeLines.count(SourceTree.read(file))).sum();
    }
}
