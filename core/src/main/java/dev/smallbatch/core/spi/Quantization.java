package dev.smallbatch.core.spi;

/**
 * How F32 numbers become 8-bit codes, block by block: with {@code a} the largest magnitude of a block of consecutive elements,
 * x is stored as the code of {@code x / max(a, 1e-38)} in a {@link DynamicMap}, and a beside it; {@code a value(code)} is what
 * is read. The last block of a tensor may be short. A block of zeros, whatever its codes, is read as zeros.
 *
 * @param block elements that share a scale: a power of two from {@link #SMALLEST_BLOCK} to {@link #LARGEST_BLOCK}, usually
 *     {@link #BLOCK}; the paper has 2048
 * @param preserveSign whether tiny negative numbers stay negative instead of becoming 0
 * @see <a href="https://arxiv.org/abs/2110.02861">Dettmers et al. 2021</a>
 */
public record Quantization(int block, boolean preserveSign) {
    /** The usual size of a block. */
    public static final int BLOCK = 256;
    /** The smallest block. */
    public static final int SMALLEST_BLOCK = 64;
    /** The largest block. */
    public static final int LARGEST_BLOCK = 4096;
    /** Smallest number that a block is divided by. */
    public static final float SMALLEST_SCALE = 1e-38f;

    public Quantization {
        if (block < SMALLEST_BLOCK || block > LARGEST_BLOCK || Integer.bitCount(block) != 1) {
            throw new IllegalArgumentException("quantization: block " + block + "; a power of two from " + SMALLEST_BLOCK + " to "
                    + LARGEST_BLOCK);
        }
    }

    /** In blocks of the usual size. */
    public Quantization() {
        this(BLOCK, false);
    }

    /** How many blocks that many elements are. */
    public long blocks(long elements) {
        return Math.ceilDiv(elements, block);
    }
}
