/** Telling a performance monitor how long a method of a plugin took: {@link timed}. */
import { messageOf } from "./faults";
import type { PerformanceMonitorLike } from "./types";

/** Does the work, and tells the monitor how long it took, whether it worked, and what it threw. */
export async function timed<T>(monitor: PerformanceMonitorLike, operation: string, work: () => Promise<T>): Promise<T> {
  const end = monitor.startTimer(operation);
  try {
    const result = await work();
    end({ success: true });
    return result;
  } catch (error) {
    end({ success: false, error: messageOf(error) });
    throw error;
  }
}
