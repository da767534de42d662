/**
 * CIs obey what stands in a job's output: GitHub a line that begins with `::`, spaces in front or not, GitHub and Azure `##[` and
 * `##vso[` anywhere, TeamCity `##teamcity[`. A scanned file could say those, so they are spelt.
 */
export function withoutCommands(text: string): string {
  return text.replaceAll(/^(\s*):(?=:)/gm, '$1\\u003a').replaceAll(/##(?=\w*\[)/g, '#\\u0023')
}
