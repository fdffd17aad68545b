/** What a reason to finish means, in the words of every server that is known. */
export type Finish = 'done' | 'cutOff' | 'filtered' | 'refused' | 'failed';

const FILTERED =
  /content[_ -]?(?:filter|policy)|policy_violation|model_armor|^safety$|image_safety|recitation|prohibited_content|blocklist|^spii$|^language$|sensitive|guardrail|moderation|^error_toxic$/i;
const CUT_OFF =
  /^length$|max[_ ]?(?:output[_ ]?|new[_ ]?|completion[_ ]?)?tokens|max_?length|max_?time|time_limit|model_length|token_limit|error_limit|context_window_exceeded|^limit$|^incomplete$/i;
const FAILED =
  /^error|network_error|insufficient_system_resource|^abort|^cancel|^timeout|server_error|^failed$|overloaded/i;

/** Unknown reasons count as done: the server said that this is the end. */
export function meaningOf(finish: string | undefined): Finish {
  if (finish === undefined) return 'done';
  if (FILTERED.test(finish)) return 'filtered';
  if (CUT_OFF.test(finish)) return 'cutOff';
  if (/refus/i.test(finish)) return 'refused';
  return FAILED.test(finish) ? 'failed' : 'done';
}
