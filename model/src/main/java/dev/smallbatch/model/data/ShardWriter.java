package dev.smallbatch.model.data;

import dev.smallbatch.core.io.AtomicFiles;
import java.io.EOFException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.util.zip.CRC32C;

/**
 * Writes a token shard beside its final name; it gets the name when it is complete. {@link ShardHeader} has the format. One
 * thread.
 */
public final class ShardWriter {
    private static final int BUFFER_BYTES = 1 << 20;

    private final FileChannel channel;
    private final int vocabularySize;
    private final int bytesPerId;
    private final ByteBuffer buffer = ByteBuffer.allocate(BUFFER_BYTES).order(ByteOrder.LITTLE_ENDIAN);
    private long count;

    /** Writes the tokens of a shard. */
    @FunctionalInterface
    public interface Content {
        /** Appends all tokens. */
        void write(ShardWriter shard) throws IOException;
    }

    private ShardWriter(FileChannel channel, int vocabularySize) throws IOException {
        if (vocabularySize < 1) {
            throw new IllegalArgumentException("write shard: a vocabulary of " + vocabularySize + " tokens; at least 1");
        }
        this.channel = channel;
        this.vocabularySize = vocabularySize;
        this.bytesPerId = ShardHeader.bytesPerId(vocabularySize);
        channel.position(ShardHeader.BYTES);
    }

    /**
     * Creates or replaces a shard.
     *
     * @throws IOException if that fails, from the content or from the disk; a shard that was there is then unchanged
     */
    public static void write(Path file, int vocabularySize, Content content) throws IOException {
        AtomicFiles.write(file, channel -> {
            ShardWriter writer = new ShardWriter(channel, vocabularySize);
            content.write(writer);
            writer.finish();
        });
    }

    /** Number of tokens so far. */
    public long count() {
        return count;
    }

    /**
     * Appends a token.
     *
     * @throws IllegalArgumentException if it is outside the vocabulary
     */
    public void add(int id) throws IOException {
        if (id < 0 || id >= vocabularySize) {
            throw new IllegalArgumentException("write shard: token " + id + " at position " + count
                    + " is outside the vocabulary of " + vocabularySize);
        }
        if (buffer.remaining() < bytesPerId) {
            flush();
        }
        if (bytesPerId == Short.BYTES) {
            buffer.putShort((short) id);
        } else {
            buffer.putInt(id);
        }
        count++;
    }

    /** Appends {@code length} tokens of an array from position {@code from} on. */
    public void add(int[] ids, int from, int length) throws IOException {
        for (int i = from; i < from + length; i++) {
            add(ids[i]);
        }
    }

    /** Moves the last {@code tokens} tokens, in order, to the end of another shard of the same vocabulary. */
    public void moveTail(long tokens, ShardWriter target) throws IOException {
        if (tokens < 0 || tokens > count || target.vocabularySize != vocabularySize) {
            throw new IllegalArgumentException("write shard: cannot move " + tokens + " of " + count
                    + " tokens to a vocabulary of " + target.vocabularySize + " from one of " + vocabularySize);
        }
        flush();
        long start = ShardHeader.BYTES + (count - tokens) * bytesPerId;
        forEachBlock(start, block -> {
            while (block.hasRemaining()) {
                target.add(bytesPerId == Short.BYTES ? block.getShort() & 0xFFFF : block.getInt());
            }
        });
        count -= tokens;
        channel.truncate(start).position(start);
    }

    private void finish() throws IOException {
        flush();
        CRC32C crc = new CRC32C();
        forEachBlock(ShardHeader.BYTES, crc::update);
        writeFully(new ShardHeader(vocabularySize, count, (int) crc.getValue()).write(), 0);
    }

    private void flush() throws IOException {
        buffer.flip();
        long position = channel.position();
        channel.position(position + writeFully(buffer, position));
        buffer.clear();
    }

    private int writeFully(ByteBuffer bytes, long position) throws IOException {
        int written = 0;
        while (bytes.hasRemaining()) {
            written += channel.write(bytes, position + written);
        }
        return written;
    }

    /** Takes a part of the ids' bytes. */
    @FunctionalInterface
    private interface Block {
        void accept(ByteBuffer bytes) throws IOException;
    }

    /** Reads back what has been written from a file position on. The write buffer is empty then, and is used. */
    private void forEachBlock(long from, Block block) throws IOException {
        long end = channel.position();
        for (long position = from; position < end; ) {
            buffer.clear().limit((int) Math.min(buffer.capacity(), end - position));
            while (buffer.hasRemaining()) {
                if (channel.read(buffer, position + buffer.position()) < 0) {
                    throw new EOFException("write shard: the file became shorter while it was written");
                }
            }
            position += buffer.flip().limit();
            block.accept(buffer);
        }
        buffer.clear();
    }
}
