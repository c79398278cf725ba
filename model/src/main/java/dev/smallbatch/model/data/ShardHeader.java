package dev.smallbatch.model.data;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.zip.CRC32C;

/**
 * The first 64 bytes of a token shard, little-endian; the ids follow, unsigned, little-endian.
 *
 * <pre>
 *  0  "SBTOKENS"
 *  8  int   format version, 1
 * 12  int   bits per id, 16 or 32: 16 exactly if the vocabulary has at most 65,536 tokens
 * 16  long  vocabulary size
 * 24  long  number of ids
 * 32  int   CRC-32C of the ids' bytes
 * 36        zeros
 * 60  int   CRC-32C of bytes 0 to 59
 * </pre>
 */
record ShardHeader(int vocabularySize, long count, int checksum) {
    static final int BYTES = 64;
    private static final byte[] MAGIC = "SBTOKENS".getBytes(StandardCharsets.US_ASCII);
    private static final int VERSION = 1;
    private static final int CHECKED_BYTES = 60;
    private static final int MAX_16_BIT = 1 << 16;

    int bytesPerId() {
        return bytesPerId(vocabularySize);
    }

    static int bytesPerId(int vocabularySize) {
        return vocabularySize <= MAX_16_BIT ? Short.BYTES : Integer.BYTES;
    }

    ByteBuffer write() {
        ByteBuffer bytes = ByteBuffer.allocate(BYTES).order(ByteOrder.LITTLE_ENDIAN);
        bytes.put(MAGIC).putInt(VERSION).putInt(8 * bytesPerId()).putLong(vocabularySize).putLong(count).putInt(checksum);
        bytes.putInt(CHECKED_BYTES, checksum(bytes));
        return bytes.clear();
    }

    /** Reads and checks a header; {@code fileBytes} is the length of the whole file. */
    static ShardHeader read(Path file, ByteBuffer bytes, long fileBytes) throws ShardException {
        byte[] magic = new byte[MAGIC.length];
        if (bytes.remaining() < BYTES || !ByteBuffer.wrap(MAGIC).equals(bytes.slice(0, magic.length))) {
            throw new ShardException("open shard " + file + ": is not a token shard (" + fileBytes
                    + " bytes); prepare the text again, or check the path");
        }
        bytes.order(ByteOrder.LITTLE_ENDIAN).position(magic.length);
        int version = bytes.getInt();
        if (version > VERSION) {
            throw new ShardException("open shard " + file + ": format " + version + ", this build reads 1.." + VERSION
                    + "; use a newer build or prepare the text again");
        }
        int bits = bytes.getInt();
        long vocabulary = bytes.getLong();
        ShardHeader header = new ShardHeader((int) vocabulary, bytes.getLong(), bytes.getInt());
        if (version < 1 || checksum(bytes) != bytes.getInt(CHECKED_BYTES) || vocabulary < 1 || vocabulary > Integer.MAX_VALUE
                || bits != 8 * header.bytesPerId() || header.count < 0) {
            throw new ShardException("open shard " + file + ": its header is damaged; prepare the text again");
        }
        // The count of a sound header is small, but a forged one must not overflow.
        if (header.count != (fileBytes - BYTES) / header.bytesPerId() || (fileBytes - BYTES) % header.bytesPerId() != 0) {
            throw new ShardException("open shard " + file + ": header says " + header.count + " tokens of " + header.bytesPerId()
                    + " bytes, the file has " + (fileBytes - BYTES) + " bytes of them: it is truncated or damaged; prepare the "
                    + "text again");
        }
        return header;
    }

    private static int checksum(ByteBuffer header) {
        CRC32C crc = new CRC32C();
        crc.update(header.slice(0, CHECKED_BYTES));
        return (int) crc.getValue();
    }
}
