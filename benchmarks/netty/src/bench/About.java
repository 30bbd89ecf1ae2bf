package bench;

import io.netty.util.Version;

/** Says which Netty this is, and what there is of it: one line of JSON. */
public final class About {
    private About() {
    }

    public static void main(String[] arguments) {
        String allocators = has("io.netty.buffer.AdaptiveByteBufAllocator") ? "[\"adaptive\",\"pooled\"]" : "[\"pooled\"]";
        System.out.println("{\"netty\":\"" + version() + "\",\"java\":\"" + Runtime.version()
            + "\",\"transport\":\"" + Transport.name() + "\",\"allocators\":" + allocators + "}");
    }

    private static String version() {
        return Version.identify().values().stream().findFirst().map(Version::artifactVersion).orElse("of unknown version");
    }

    private static boolean has(String name) {
        try {
            Class.forName(name, false, About.class.getClassLoader());
            return true;
        } catch (ClassNotFoundException missing) {
            return false;
        }
    }
}
