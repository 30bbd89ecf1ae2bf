package bench;

import io.netty.bootstrap.Bootstrap;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufAllocator;
import io.netty.channel.Channel;
import io.netty.channel.ChannelFuture;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.channel.DefaultFileRegion;
import io.netty.channel.EventLoopGroup;
import io.netty.util.concurrent.Promise;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.nio.channels.FileChannel;
import java.nio.file.Paths;
import java.util.Arrays;
import java.util.concurrent.atomic.AtomicReference;

/**
 * The rows I1 to I3: to send, from an event loop, as a server does.
 *
 * The receiver says what it got of the first batch: that is the result.
 */
abstract class Io extends Work {
    private static final int BATCHES = 20;

    private final EventLoopGroup group = Transport.group();
    private final Thread loop;
    private final Channel channel;
    private final Promise<Long> checked = group.next().newPromise();

    private Io(int port) throws Exception {
        super(BATCHES);
        AtomicReference<Thread> thread = new AtomicReference<>();
        group.submit(() -> thread.set(Thread.currentThread())).sync();
        loop = thread.get();
        Bootstrap bootstrap = new Bootstrap().group(group).channel(Transport.socket()).handler(new Receipt());
        channel = bootstrap.connect(new InetSocketAddress("127.0.0.1", port)).sync().channel();
    }

    static Work of(String[] words) throws Exception {
        switch (words[0]) {
            case "gather":
                return new Gather(Integer.parseInt(words[1]), Core.numbers(words[2]));
            case "sendFile":
                return new SendFile(Integer.parseInt(words[1]), words[2]);
            default:
                return null;
        }
    }

    /** Write one batch. */
    abstract ChannelFuture send(Channel channel);

    @Override
    long once() throws Exception {
        Promise<Void> done = group.next().newPromise();
        channel.eventLoop().execute(() -> send(BATCHES, done));
        done.sync();
        return BATCHES;
    }

    /** One batch after another; the loop is not left between them unless the socket is full. */
    private void send(int left, Promise<Void> done) {
        if (left == 0) {
            done.setSuccess(null);
            return;
        }
        ChannelFuture sent = send(channel);
        channel.flush();
        sent.addListener(future -> {
            if (future.isSuccess()) {
                channel.eventLoop().execute(() -> send(left - 1, done));    // not from within the flush
            } else {
                done.setFailure(future.cause());
            }
        });
    }

    @Override
    Object result() throws Exception {
        channel.eventLoop().submit(() -> send(1, group.next().newPromise())).sync();
        return checked.sync().getNow();
    }

    @Override
    long processorTime() {
        return Clock.of(loop);
    }

    @Override
    void close() throws Exception {
        channel.close().sync();
        group.shutdownGracefully();
    }

    private final class Receipt extends ChannelInboundHandlerAdapter {
        @Override
        public void channelRead(ChannelHandlerContext context, Object message) {
            ByteBuf receipt = (ByteBuf) message;
            checked.setSuccess(receipt.readUnsignedInt());
            receipt.release();
        }
    }

    private static final class Gather extends Io {
        private final ByteBuf[] parts;

        Gather(int port, int[] sizes) throws Exception {
            super(port);
            parts = Arrays.stream(sizes).mapToObj(ByteBufAllocator.DEFAULT::buffer).toArray(ByteBuf[]::new);
            for (int k = 0; k < parts.length; k++) {
                while (parts[k].isWritable()) {
                    parts[k].writeByte(k);
                }
            }
        }

        @Override
        ChannelFuture send(Channel channel) {
            ChannelFuture last = null;
            for (ByteBuf part : parts) {
                last = channel.write(part.retainedDuplicate());
            }
            return last;
        }
    }

    private static final class SendFile extends Io {
        private final FileChannel file;

        SendFile(int port, String path) throws Exception {
            super(port);
            file = FileChannel.open(Paths.get(path));
        }

        @Override
        ChannelFuture send(Channel channel) {
            try {
                return channel.write(new Region(file));
            } catch (IOException error) {
                return channel.newFailedFuture(error);
            }
        }
    }

    /** All of a file that stays open. */
    private static final class Region extends DefaultFileRegion {
        Region(FileChannel file) throws IOException {
            super(file, 0, file.size());
        }

        @Override
        protected void deallocate() {
        }
    }
}
