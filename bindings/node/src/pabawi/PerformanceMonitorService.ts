/** Replaces Pabawi's `services/PerformanceMonitorService`: how long operations take. Keeps the newest 10 000 times. */

export interface PerformanceMetrics {
  operation: string;
  /** Milliseconds. */
  duration: number;
  timestamp: string;
  metadata?: Record<string, unknown>;
}

export interface PerformanceStatistics {
  count: number;
  avgDuration: number;
  minDuration: number;
  maxDuration: number;
  totalDuration: number;
}

const MOST = 10_000;

/** Collects metrics. */
export class PerformanceMonitorService {
  /**
   * The newest stand at the end; what stands before `start` is dropped and goes when that is as much again.
   * @internal
   */
  private metrics: PerformanceMetrics[] = [];
  /** @internal */
  private start = 0;

  /** Begins to measure; the function that it returns ends that, and records and returns the metric. */
  startTimer(operation: string): (metadata?: Record<string, unknown>) => PerformanceMetrics {
    const begin = performance.now();
    return (metadata) => {
      const metric: PerformanceMetrics = {
        operation,
        duration: performance.now() - begin,
        timestamp: new Date().toISOString(),
        ...(metadata === undefined ? {} : { metadata }),
      };
      this.recordMetric(metric);
      return metric;
    };
  }

  recordMetric(metric: PerformanceMetrics): void {
    this.metrics.push(metric);
    if (this.metrics.length - this.start > MOST) {
      this.start += 1;
      if (this.start >= MOST) {
        this.metrics = this.metrics.slice(this.start);
        this.start = 0;
      }
    }
  }

  /** The metrics, or those of one operation, the oldest first. */
  getMetrics(operation?: string): PerformanceMetrics[] {
    const kept = this.metrics.slice(this.start);
    return operation === undefined ? kept : kept.filter((metric) => metric.operation === operation);
  }

  /** Nothing when there are no metrics of the operation. */
  getStatistics(operation: string): PerformanceStatistics | null {
    const metrics = this.getMetrics(operation);
    if (metrics.length === 0) {
      return null;
    }
    let [totalDuration, minDuration, maxDuration] = [0, Infinity, -Infinity];
    for (const { duration } of metrics) {
      totalDuration += duration;
      minDuration = Math.min(minDuration, duration);
      maxDuration = Math.max(maxDuration, duration);
    }
    const count = metrics.length;
    return { count, avgDuration: totalDuration / count, minDuration, maxDuration, totalDuration };
  }

  clearMetrics(): void {
    this.metrics = [];
    this.start = 0;
  }

  clearMetricsForOperation(operation: string): void {
    this.metrics = this.getMetrics().filter((metric) => metric.operation !== operation);
    this.start = 0;
  }

  getMetricsCount(): number {
    return this.metrics.length - this.start;
  }

  /** Each operation once, in the order in which they came. */
  getOperations(): string[] {
    return [...new Set(this.getMetrics().map((metric) => metric.operation))];
  }
}
