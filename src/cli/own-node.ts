/** Which Node runs this program: the one that was installed with it, or the machine's. */
export function nodeOf(execPath: string): string {
  const isOwn = /\/node_modules\/node-linux-[a-z0-9]+\/bin\/node$/.test(execPath)
  return `Node ${process.versions.node}, ${isOwn ? 'the package’s own' : execPath}`
}
