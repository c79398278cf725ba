package dev.smallbatch.model.data;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.IntBuffer;
import java.nio.ShortBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Objects;
import java.util.zip.CRC32C;

/**
 * A file of token ids, mapped read-only: pages are read when they are touched and belong to the operating system. The mapping
 * ends when the shard is no longer referenced. Any thread. A file must not be shortened while it is mapped; replacing it by
 * renaming is safe.
 */
public final class TokenShard {
    /** One mapping has at most 2^30 bytes; ids do not straddle two. */
    static final int WINDOW_BYTES = 1 << 30;

    private final Path file;
    private final ShardHeader header;
    private final ByteBuffer[] windows;
    private final ShortBuffer[] shorts;
    private final IntBuffer[] ints;
    private final int windowShift;

    private TokenShard(Path file, ShardHeader header, ByteBuffer[] windows, int windowBytes) {
        this.file = file;
        this.header = header;
        this.windows = windows;
        boolean narrow = header.bytesPerId() == Short.BYTES;
        shorts = new ShortBuffer[narrow ? windows.length : 0];
        ints = new IntBuffer[narrow ? 0 : windows.length];
        for (int i = 0; i < windows.length; i++) {
            ByteBuffer window = windows[i].duplicate().order(ByteOrder.LITTLE_ENDIAN);
            if (narrow) {
                shorts[i] = window.asShortBuffer();
            } else {
                ints[i] = window.asIntBuffer();
            }
        }
        windowShift = Integer.numberOfTrailingZeros(windowBytes / header.bytesPerId());
    }

    /**
     * Maps a shard after checking its header and length; {@link #verify} checks the ids themselves.
     *
     * @throws ShardException if there is no such file, or it is no shard, damaged, truncated or of a newer format
     * @throws IOException if reading fails
     */
    public static TokenShard open(Path file) throws IOException {
        return open(file, WINDOW_BYTES);
    }

    static TokenShard open(Path file, int windowBytes) throws IOException {
        try (FileChannel channel = FileChannel.open(file, StandardOpenOption.READ)) {
            ByteBuffer start = ByteBuffer.allocate(ShardHeader.BYTES);
            int read = 0;
            while (start.hasRemaining() && read >= 0) {
                read = channel.read(start, start.position());
            }
            ShardHeader header = ShardHeader.read(file, start.flip(), channel.size());
            long bytes = header.count() * header.bytesPerId();
            ByteBuffer[] windows = new ByteBuffer[Math.toIntExact(Math.ceilDiv(bytes, windowBytes))];
            for (int i = 0; i < windows.length; i++) {
                long from = (long) i * windowBytes;
                long length = Math.min(windowBytes, bytes - from);
                windows[i] = channel.map(FileChannel.MapMode.READ_ONLY, ShardHeader.BYTES + from, length);
            }
            return new TokenShard(file, header, windows, windowBytes);
        } catch (NoSuchFileException e) {
            throw new ShardException("open shard " + file + ": does not exist; prepare the text first");
        }
    }

    /** Number of tokens. */
    public long size() {
        return header.count();
    }

    /** Size of the vocabulary the ids belong to. */
    public int vocabularySize() {
        return header.vocabularySize();
    }

    /** Where the ids are. */
    public Path file() {
        return file;
    }

    /**
     * Copies tokens {@code [from, from + length)} into an array.
     *
     * @throws IndexOutOfBoundsException if they are not all there
     * @throws UncheckedIOException of a ShardException, if an id is outside the vocabulary: the file is damaged
     */
    public void copy(long from, int[] target, int offset, int length) {
        Objects.checkFromIndexSize(from, length, size());
        Objects.checkFromIndexSize(offset, length, target.length);
        long mask = (1L << windowShift) - 1;
        for (int i = 0; i < length; i++) {
            int window = (int) (from + i >>> windowShift);
            int index = (int) (from + i & mask);
            int id = shorts.length > 0 ? shorts[window].get(index) & 0xFFFF : ints[window].get(index);
            if (id < 0 || id >= header.vocabularySize()) {
                throw new UncheckedIOException(new ShardException("read shard " + file + ": token " + id + " at position "
                        + (from + i) + " is outside the vocabulary of " + header.vocabularySize()
                        + ": the file is damaged; prepare the text again"));
            }
            target[offset + i] = id;
        }
    }

    /** The token at a position; for many use {@link #copy}. */
    public int get(long index) {
        int[] one = new int[1];
        copy(index, one, 0, 1);
        return one[0];
    }

    /**
     * Reads everything and compares the checksum: about a second per gigabyte once the file is in memory.
     *
     * @throws ShardException if the ids differ from those written
     */
    public void verify() throws ShardException {
        CRC32C crc = new CRC32C();
        for (ByteBuffer window : windows) {
            crc.update(window.duplicate());
        }
        if ((int) crc.getValue() != header.checksum()) {
            throw new ShardException("verify shard " + file + ": the checksum of its tokens differs: it is damaged; "
                    + "prepare the text again");
        }
    }
}
