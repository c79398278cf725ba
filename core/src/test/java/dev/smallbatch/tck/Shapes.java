package dev.smallbatch.tck;

import dev.smallbatch.core.spi.AttentionSpec;
import java.util.ArrayList;
import java.util.List;
import java.util.TreeSet;

/** Sizes that go wrong: around lane counts and powers of two, single elements, and across the blocks of kernels. */
final class Shapes {
    /** 1, lanes - 1, lanes, lanes + 1 and 2 lanes + 3 for 4, 8 and 16 lanes; 63, 64, 65, 129, 768. */
    static final int[] SIZES = sizes();
    static final int[] TIMES = {1, 2, 5, 64, 65};
    static final int[] BATCHES = {1, 2};
    /** Enough elements that every back end spreads them over its threads. */
    static final int LARGE = 300_001;

    private Shapes() {}

    private static int[] sizes() {
        TreeSet<Integer> sizes = new TreeSet<>(List.of(1, 63, 64, 65, 129, 768));
        for (int lanes : new int[] {4, 8, 16}) {
            sizes.addAll(List.of(lanes - 1, lanes, lanes + 1, 2 * lanes + 3));
        }
        return sizes.stream().mapToInt(Integer::intValue).toArray();
    }

    /**
     * Every time with every batch and head layouts in turn, then lengths and batches that straddle the blocks of a
     * tiled kernel.
     */
    static List<AttentionSpec> attentions() {
        int[][] layouts = {{1, 1, 8}, {2, 2, 6}, {3, 1, 16}, {4, 2, 32}, {2, 1, 2}, {1, 1, 64}, {6, 3, 10}, {2, 2, 34}};
        List<AttentionSpec> specs = new ArrayList<>();
        specs.add(new AttentionSpec(2, 5, 4, 2, 6));
        int next = 0;
        for (int time : TIMES) {
            for (int batch : BATCHES) {
                for (int i = 0; i < 3; i++) {
                    int[] layout = layouts[next++ % layouts.length];
                    specs.add(new AttentionSpec(batch, time, layout[0], layout[1], layout[2]));
                }
            }
        }
        specs.add(new AttentionSpec(1, 17, 3, 3, 128));
        specs.add(new AttentionSpec(1, 129, 2, 1, 20));
        specs.add(new AttentionSpec(2, 200, 3, 1, 32));
        specs.add(new AttentionSpec(1, 333, 2, 2, 64));
        specs.add(new AttentionSpec(40, 64, 4, 2, 64));
        specs.add(new AttentionSpec(300, 3, 2, 2, 64));
        return specs;
    }
}
