import { existsSync } from 'node:fs'

/**
 * What container runtimes keep from a container in /proc (OCI runtime-spec, `linux.maskedPaths` and `readonlyPaths`, as
 * moby and containerd set them), and what of the kernel's own memory and timers root can read beside it. All of it is the
 * machine's, not the namespace's.
 */
const masked = {
  files: [
    ...['kallsyms', 'kcore', 'key-users', 'keys', 'kmsg', 'kpagecgroup', 'kpagecount', 'kpageflags'],
    ...['interrupts', 'iomem', 'ioports', 'latency_stats', 'mtrr', 'pagetypeinfo', 'sched_debug', 'slabinfo'],
    ...['timer_list', 'timer_stats', 'vmallocinfo', 'vmcore'],
  ],
  folders: ['acpi', 'asound', 'scsi'],
}

// Where the supervisor is root, /proc/sys is the step's to write, and kernel.core_pattern names a program that the
// kernel starts outside of every namespace.
const readOnly = ['bus', 'fs', 'irq', 'sys', 'sysrq-trigger']

/** Options of bwrap that mount over a fresh /proc. */
export function kernelFileMounts(emptyFile: string, emptyFolder: string): string[] {
  const over = (names: readonly string[], source: (path: string) => string) =>
    names
      .map((name) => `/proc/${name}`)
      .filter((path) => existsSync(path))
      .flatMap((path) => ['--ro-bind', source(path), path])
  return [
    ...over(readOnly, (path) => path),
    ...over(masked.files, () => emptyFile),
    ...over(masked.folders, () => emptyFolder),
  ]
}

/** What an engine is to hide beside what it hides of its own: a sandbox by bubblewrap has no /sys at all. */
export function hiddenPaths(): string[] {
  return ['/sys', ...[...masked.files, ...masked.folders].map((name) => `/proc/${name}`)]
}
