/**
 * The end of a day (`2030-05-04`) where the browser is, in UTC as the API takes it. What is no day stays as
 * it is: the API says what is wrong with it.
 */
export function endOfDay(day: string): string {
  const end = new Date(`${day}T23:59:59`);
  return Number.isNaN(end.getTime()) ? day : end.toISOString();
}
