package dev.smallbatch.core.cpu.vector;

import dev.smallbatch.core.cpu.Parallel;

/**
 * A matrix as a grid of equal blocks. Blocks are numbered row by row. Work on whole rows of a block is cut into tiles, at most
 * {@link #MOST_TILES} if there are no more blocks, so that what tiles add up takes little memory.
 *
 * @param rows of the matrix
 * @param cols of the matrix
 * @param down blocks below each other
 * @param across blocks beside each other
 */
record BlockGrid(int rows, int cols, int down, int across) {
    private static final int MOST_TILES = 64;
    /** Elements of a tile, at least one row: a few microseconds of work. */
    private static final int GRAIN = 1 << 14;

    /** Works on rows {@code row} to {@code row + count - 1} of the matrix in one block, whose columns begin at {@code col}. */
    @FunctionalInterface
    interface Tile {
        void run(int tile, int block, int row, int count, int col);
    }

    /** Works on {@code count} elements of one row and one block, of which the first is {@code offset} after the range's. */
    @FunctionalInterface
    interface Segment {
        void run(int row, int col, int offset, int count);
    }

    int blocks() {
        return down * across;
    }

    int blockRows() {
        return rows / down;
    }

    int blockCols() {
        return cols / across;
    }

    int tilesPerBlock() {
        return ceil(blockRows(), tileRows());
    }

    private int tileRows() {
        return Math.max(Math.max(1, GRAIN / Math.max(1, blockCols())), ceil(blockRows(), Math.max(1, MOST_TILES / blocks())));
    }

    /** Runs body for every tile; tiles of a block are consecutive, from above to below. */
    void tiles(Parallel parallel, Tile body) {
        int perBlock = tilesPerBlock();
        int height = tileRows();
        parallel.run(blocks() * perBlock, (tile, thread) -> {
            int block = tile / perBlock;
            int within = tile % perBlock * height;
            body.run(tile, block, block / across * blockRows() + within, Math.min(height, blockRows() - within),
                    block % across * blockCols());
        });
    }

    /** Cuts elements {@code from} to {@code from + count - 1} of the matrix where a row or a block ends. */
    void segments(long from, int count, Segment body) {
        for (int offset = 0; offset < count; ) {
            int row = (int) ((from + offset) / cols);
            int col = (int) ((from + offset) % cols);
            int length = Math.min(count - offset, blockCols() - col % blockCols());
            body.run(row, col, offset, length);
            offset += length;
        }
    }

    /** Where an element of the matrix is if the blocks lie one after the other. */
    long inBlocks(int row, int col) {
        long block = (long) (row / blockRows()) * across + col / blockCols();
        return (block * blockRows() + row % blockRows()) * blockCols() + col % blockCols();
    }

    private static int ceil(int a, int b) {
        return (a + b - 1) / b;
    }
}
