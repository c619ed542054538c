/** Telling a performance monitor how long a method of a plugin took: {@link timed}. */
import { messageOf, safely, told } from "./faults";
import type { PerformanceMonitorLike } from "./types";

/**
 * Does the work, and tells the monitor how long it took, whether it worked, and what it threw. What is wrong with the monitor is
 * not the work's fault.
 */
export async function timed<T>(monitor: PerformanceMonitorLike, operation: string, work: () => Promise<T>): Promise<T> {
  const end = safely(() => monitor.startTimer(operation));
  const tell = (how: Parameters<NonNullable<typeof end>>[0]): void => {
    told(() => end?.(how));
  };
  try {
    const result = await work();
    tell({ success: true });
    return result;
  } catch (error) {
    tell({ success: false, error: messageOf(error) });
    throw error;
  }
}
