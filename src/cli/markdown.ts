import { escapeUnseen } from '../lib/index.ts'

/** Names of branches and repositories are an attacker's to choose: in Markdown they stay text, in one line. */
export function escapeMarkdown(text: string): string {
  return escapeUnseen(text.replaceAll(/\s+/g, ' ')).replaceAll(/[\\`*_{}[\]()#+!|<>~&]/g, String.raw`\$&`)
}
