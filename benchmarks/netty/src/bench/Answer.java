package bench;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufUtil;
import java.util.List;
import java.util.stream.Collectors;

/** JSON: numbers, lists, and bytes as hexadecimal text. */
final class Answer {
    private Answer() {
    }

    static String json(Object value) {
        if (value instanceof ByteBuf) {
            return '"' + ByteBufUtil.hexDump((ByteBuf) value) + '"';
        }
        if (value instanceof List) {
            return ((List<?>) value).stream().map(Answer::json).collect(Collectors.joining(",", "[", "]"));
        }
        return String.valueOf(value);
    }
}
