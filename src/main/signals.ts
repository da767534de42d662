/** They end a long-running process in order; a terminal that is closed sends SIGHUP. */
export const stopSignals = ['SIGTERM', 'SIGINT', 'SIGHUP'] as const

/** SIGUSR1 and SIGUSR2, which others take for "read your files again" or "rotate your log", do nothing here. */
export function ignoreUserSignals(): void {
  for (const signal of ['SIGUSR1', 'SIGUSR2'] as const) process.on(signal, () => undefined)
}
